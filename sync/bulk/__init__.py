"""What people want about many pairs, done in the background as lines of a run."""
