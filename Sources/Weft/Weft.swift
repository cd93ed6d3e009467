// The library for programs: topologies, simulations, captures and checkpoints under one import.
@_exported import WeftCapture
@_exported import WeftCore
@_exported import WeftDisk
@_exported import WeftFabric
@_exported import WeftISO
@_exported import WeftProbes
@_exported import WeftPrograms
@_exported import WeftSettings
@_exported import WeftStack
@_exported import WeftStorage
@_exported import WeftTopology
@_exported import WeftWire
