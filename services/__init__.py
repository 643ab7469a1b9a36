"""The stream processors of newsloom, what they run on, and the command line."""
