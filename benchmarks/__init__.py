"""What botkit costs, beside baselines of the same minute. ``python -m benchmarks`` prints the table."""
