"""The machine as an interface: clock, disk, network, tasks, process, entropy; and its doors."""
