"""What sending costs, as ratios against bare clients and other libraries in the same run: `make bench`."""
