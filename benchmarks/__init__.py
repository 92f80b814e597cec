"""What botkit costs, measured beside baselines of the same minute. ``python -m benchmarks`` prints the table."""
