"""What the api and the worker, and everyone else on these topics, agree on."""
