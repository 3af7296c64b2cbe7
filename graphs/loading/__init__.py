"""From text to values: YAML and JSON with the place of every value kept, and model errors in plain words.

reading.py      text -> nodes
  yaml_events.py, json_events.py      text -> events: ruamel.yaml's parser; our own
  scalars.py                          what a scalar without quotes means
  tree.py                             events -> nodes: keys given twice, aliases, budgets
  braces.py                           `{{ }}` without quotes
nodes.py        the values of a text, with where they stand
copying.py      values from a caller -> values of our own
emit.py         values -> YAML text

places.py       where something stands: for machines, for people, in the text
findings.py     problems, collected; codes.py lists them
words.py        a pydantic error as a sentence, with models.py, which follows it through the types
names.py        the nearest right name
aliases.py      other spellings that are understood: `max_retries` for `max_attempts` (X01)
salvage.py      what can still be checked of a document that does not fit the model
"""
