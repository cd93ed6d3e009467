/// The product's version, as captures, reports and checkpoints name it.
public let weftVersion = "0.1.0"
