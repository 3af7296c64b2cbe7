"""What the bodies of commands share: opening, finding, following and showing executions."""
