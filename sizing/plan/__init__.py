"""The plan: plain numbers with their unit in the name, and the resource property of each one.

The annotation `Reaches` states that a leaf decides a property of a resource. The wiring test
changes every such leaf and expects the property to change.
"""
