"""The planner against an independent kit of scenarios, its bounds, and other planners."""
