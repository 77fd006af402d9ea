"""The pages that readers reach from their mail: issues on the web, and leaving."""
