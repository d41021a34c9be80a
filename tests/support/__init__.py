"""What several tests share: servers of the tests, made-up data, tiny models."""
