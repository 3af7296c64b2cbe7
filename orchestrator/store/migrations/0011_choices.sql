-- Which agents were chosen for a capability: few records among many, looked up whenever the next is chosen.
CREATE INDEX records_choices ON records (seq) WHERE kind = 'agent.chosen';
