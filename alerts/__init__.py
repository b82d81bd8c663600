"""What readers get: the nightly digest, in their language, once."""
