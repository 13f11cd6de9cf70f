"""What talks to telescopes and to the archives that tell what they did."""
