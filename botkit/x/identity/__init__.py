"""What an event is called and where it belongs: its dedup id and its conversation, read from its ids alone.

X sends no delivery id with account activity, and none that is promised to stay with XAA, so an id is made of
the thing: ``<account>:<kind>:<key>``. Where the thing has an id of X's (a message, a post, a like) both wire
formats give the same one, so that a change from one to the other doubles nothing. Where X gives none,
account activity has the parties and the time, XAA its ``event_uuid``; what has neither is named by a digest
of its content.

Source: X docs, account-activity/introduction, activity/event-payloads.
"""
