"""The events of newsloom: what is on its topics, and nothing that runs."""
