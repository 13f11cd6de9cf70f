"""What the planner does, one file per verb. None of these commits."""
