"""What the api does, without HTTP and without SQL."""
