"""Chat clients: a conversation, message by message, over runs and threads.

chats           `Chats`: from the messages a client sends to a run, and from the run to an answer
heard           what a client sends
conversation    what a conversation is known by, and what in it is new
inputs          a message as the input of a graph or a workflow
questions       what is asked, in words; and a person's words as an answer
turns           one answer, as it comes
"""
