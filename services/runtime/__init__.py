"""What every service is made with; it knows no news."""
