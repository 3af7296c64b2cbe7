"""From text to values: YAML and JSON with the place of every value kept, and model errors in plain words.

nodes.py      the values of a text, with where they stand
yaml.py       YAML 1.2 text -> events (ruamel.yaml's parser, our own rules for scalars)
json.py       JSON text -> the same events
tree.py       events -> nodes: duplicate keys, aliases, budgets
places.py     where something stands, for machines (path), for people (`step 'pay'`), in the text (line, column)
names.py      the nearest right name
words.py      a pydantic error as a sentence
aliases.py    other spellings that are understood: `max_retries` for `max_attempts` (X01)
"""
