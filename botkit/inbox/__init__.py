"""What the person who runs a bot can ask of its store: each answer is plain data, ready for JSON.

operations.py   the names by which it is asked, over a control socket or on a store that the caller opened
looking.py      counts, conversations
people.py       whose id or handle it is
dead.py         dead letters: shown, tried again, dropped
again.py        events that are handled once more, or rehearsed
usage.py        what X charges, by day
forgetting.py   a person's events, states and tokens, deleted
retention.py    what is done and old goes, every hour
shown.py        how stored things are shown
"""
