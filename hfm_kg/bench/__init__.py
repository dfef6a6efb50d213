"""The benchmark: our server and others on the same data, asked the same queries by the same client in one run."""
