"""A weekly digest from a folder of posts, mailed to every subscriber exactly once."""
