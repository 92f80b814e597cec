"""What a running bot keeps true at X, and what it tells people when that fails.

heard.py       until when X was heard from
duty.py        one process at a time does it
lifecycle.py   webhook and subscriptions, on a timer
gaps.py        what was missed is asked for
stream.py      the stream, where there is no webhook
alarms.py      begun and over, each told once
watch.py       silence, challenges, backlog, dead letters
operations.py  the same by hand: `botkit webhook`, `botkit subscription`, `botkit replay`
"""
