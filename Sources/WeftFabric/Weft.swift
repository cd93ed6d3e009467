/// The product itself.
public enum Weft {
  /// In captures, reports and checkpoints.
  public static let version = "0.1.0"
}
