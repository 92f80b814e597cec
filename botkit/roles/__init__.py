"""What a process does, one module each; `botkit.app` puts them together.

kinds.py       the roles, and which stores and networks let them be split over processes
receiver.py    receiver: the web server, back-pressure, webhook and subscriptions at X
engine.py      worker and sender: turns, timers, actions
children.py    receivers as processes of their own on one port
facing.py      what the bot shows to X, and the simulator
parts.py       tasks that run until the process stops, and the time that each gets to end
"""
