// The Devices module.
