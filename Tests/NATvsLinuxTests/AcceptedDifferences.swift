extension AcceptedDifference {
  static let all: [AcceptedDifference] = []
}
