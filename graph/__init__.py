"""What clients see: types, queries, mutations, subscriptions and loaders. No SQL, no rules."""
