"""Read logs and exports of any format into four tables."""
