import WeftISO
import WeftSettings

/// Under `cd`: a disc that the file itself describes.
struct CDEntry: Sendable {
  enum Content: Sendable { case cidata, files }

  var content: Content?
  var label = "CDROM"

  static let keys: KeyTable<CDEntry> = KeyTable(
    "cd", "A disc that the file describes; otherwise it is the path of an image", from: CDEntry(),
    [
      Field("label", \.label, .text, "What a disc of files is called.", example: "TOOLS")
    ]
      + Field.cases(
        \.content,
        [
          Case(
            "cidata", Form<Written>.raw(.object(CidataEntry.keys.keys)), "From which cloud-init sets a machine up as it boots.",
            example: "{user-data: {hostname: web}}"
          ) { _ in .cidata },
          Case(
            "files", Form<Written>.raw(.foreign("a map from names to texts, or to maps of a directory's")),
            "What is on it.", example: "{readme.txt: \"version 2\"}"
          ) { _ in .files },
        ]))
}

/// Under `cidata`: the files of such a disc, each as a text or as what the text would say.
struct CidataEntry: Sendable {
  var userData: Written?
  var metaData: Written?
  var networkConfig: Written?
  var vendorData: Written?

  static let keys: KeyTable<CidataEntry> = KeyTable(
    "cidata", "A disc for cloud-init (NoCloud)", from: CidataEntry(),
    [
      field(
        "user-data", \.userData,
        "`hostname`, `write_files` (served by http-server below /var/www/html), `weft: {programs: […]}`; the rest is left out.",
        "an empty #cloud-config", "{hostname: web, weft: {programs: [http-server]}}"),
      field(
        "meta-data", \.metaData, "`instance-id`, `local-hostname`; what an instance has taken it doesn't take again.",
        "an instance-id made from the rest", "{instance-id: i-2}"),
      field(
        "network-config", \.networkConfig,
        "Version 1 (`physical`) or 2 (`ethernets`): addresses, gateway, DHCP. Interfaces that it doesn't name get none.",
        "as the VM says", "{version: 2, ethernets: {eth0: {addresses: [10.0.0.9/24]}}}"),
      field("vendor-data", \.vendorData, "Stands on the disc; nothing of it is taken.", "none", "{}"),
    ])

  private static func field(
    _ name: String, _ path: any WritableKeyPath<CidataEntry, Written?> & Sendable, _ doc: String, _ standard: String,
    _ example: String
  ) -> Field<CidataEntry> {
    Field(name, path, .raw(.foreign("a text, or a map of cloud-init's keys")), doc, default: standard, example: example)
  }
}

/// The key that is ours among those of user-data.
struct WeftSeed: Sendable {
  var programs: Written?

  static func table(_ programs: Shape) -> KeyTable<WeftSeed> {
    KeyTable(
      "weft", "What a simulated guest takes from user-data", from: WeftSeed(),
      [Field("programs", \.programs, .raw(programs), "What runs in it.", default: "none", example: "[http-server]")])
  }
}

extension Form where Value == CD {
  /// The path of an image, or a disc that the file describes.
  static var cd: Form {
    .either(
      Form(.own("the path of a disc's image")) { (text) throws(Complaint) -> String in
        guard !text.isEmpty else { throw Complaint("a disc's image has a path", hint: "for example tools.iso") }
        return text
      } resolve: { path, place, reading in
        (reading as? Resolver)?.cd(path, at: place)
      },
      Form(shape: .object(CDEntry.keys.keys)) { written, reading in (reading as? Resolver)?.cd(written) })
  }
}
