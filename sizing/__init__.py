"""Pure sizing: values in, values out."""
