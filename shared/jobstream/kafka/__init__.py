"""Everything that touches aiokafka: clients from settings, topics, poll loop, offset tracker."""
