import WeftISO
import WeftSettings
import WeftWire

// What a disc labelled cidata says, as far as a simulated guest has it. What it hasn't is told and left out, as discs are made for
// real machines.
extension Resolver {
  /// What stands on a disc that somebody made; nil of one that cloud-init doesn't look at.
  func seed(on disc: Disc, at place: Written) -> CloudConfig? {
    guard ["cidata", "CIDATA"].contains(disc.volume.label) else { return nil }
    do throws(CloudInitSeed.Problem) {
      return seed(try CloudInitSeed(disc.volume), user: nil, network: nil, file: disc.name, at: place)
    } catch {
      warn("\(error): nothing is taken from it", at: place)
      return nil
    }
  }

  /// `user`, `network`: what is written in the topology file itself, in place of a text.
  func seed(_ texts: CloudInitSeed, user: Written?, network: Written?, file: String, at place: Written) -> CloudConfig {
    var config = CloudConfig(instanceID: texts.instanceID)
    config.hostname = texts.hostname
    if let name = config.hostname, (try? Parse.name(name)) == nil {
      report("\"\(name)\" is no host name", at: place)
      config.hostname = nil
    }
    if let user {
      readUserData(user, &config)
    } else if texts.isCloudConfig {
      within(texts.userData, "\(file) user-data") { readUserData($0, &config) }
    } else {
      warn("user-data doesn't begin with #cloud-config: nothing of it is taken", at: place)
    }
    if let network {
      readNetworkConfig(network, &config)
    } else if let text = texts.networkConfig {
      within(text, "\(file) network-config") { readNetworkConfig($0, &config) }
    }
    return config
  }

  /// Reads a text beside the file: what is wrong with it is told at its own lines.
  private func within(_ text: String, _ name: String, _ body: (Written) -> Void) {
    let text = text.unicodeScalars.first == "\u{feff}" ? String(text.unicodeScalars.dropFirst()) : text
    let isEmpty = text.split(whereSeparator: \.isNewline).allSatisfy { line in
      line.allSatisfy(\.isWhitespace) || line.first { !$0.isWhitespace } == "#"
    }
    if isEmpty { return }
    let source = SourceText(text: text, file: name)
    let inner = Complaints(source)
    var yaml = YAMLReader(source)
    let written = yaml.read()
    let outer = reader
    reader = Reader(inner, outer.tables)
    if let written, !yaml.isForeign { body(written) }
    reader = outer
    complaints.take(yaml.diagnostics + inner.diagnostics)
  }

  private func leaveOut(_ entry: Written.Entry, _ why: String) {
    report(
      "\"\(entry.key.prefix(60))\" is left out: \(why)", at: entry.keyMark, length: entry.key.unicodeScalars.count,
      severity: .warning)
  }

  // MARK: user-data

  private func readUserData(_ written: Written, _ config: inout CloudConfig) {
    guard let entries = written.entries else { return report("user-data is a map of cloud-init's keys", at: written) }
    for entry in entries where !entry.key.hasPrefix("x-") {
      switch entry.key {
      case "hostname": break
      case "write_files": readFiles(entry.value, &config)
      case "weft":
        let table = WeftSeed.table(tables.programs.shape)
        let value = reader.check(entry.value, .object(table.keys), at: entry.keyMark)
        config.programs += programs(Object(value, table).bare(\.programs), inGroup: false)
      default: leaveOut(entry, "a simulated guest takes hostname, write_files and weft")
      }
    }
  }

  private func readFiles(_ written: Written, _ config: inout CloudConfig) {
    guard let items = written.items else { return report("write_files is a list", at: written) }
    for item in items {
      guard let path = item["path"]?.text, path.hasPrefix("/") else {
        report("a file needs a path from the root", at: item, hint: "for example path: /var/www/html/index.html")
        continue
      }
      if let encoding = item["encoding"] {
        warn("\(path) is left out: its encoding isn't read here", at: encoding)
        continue
      }
      config.files.append(.init(path: path, content: item["content"]?.text ?? ""))
    }
  }

  // MARK: network-config

  private func readNetworkConfig(_ written: Written, _ config: inout CloudConfig) {
    // Netplan's own files, and some tools, have everything one deeper.
    let root = written["network"] ?? written
    guard root.entries != nil else { return report("network-config is a map", at: root) }
    switch root["version"]?.text {
    case "1": config.networks = (root["config"]?.items ?? []).compactMap(physical)
    case "2":
      for entry in root.entries ?? [] where !["version", "ethernets", "renderer"].contains(entry.key) {
        leaveOut(entry, "a simulated guest has ethernets")
      }
      config.networks = (root["ethernets"]?.entries ?? []).compactMap(ethernet)
    case let version:
      // Nothing more is to be missed of it.
      config.networks = []
      report(
        version.map { "network-config has version 1 or 2, not \($0)" } ?? "network-config needs its version",
        at: root["version"] ?? root, hint: "version: 2")
    }
  }

  private func ethernet(_ entry: Written.Entry) -> CloudConfig.Network? {
    var network = CloudConfig.Network(name: entry.value["set-name"]?.text ?? entry.key)
    guard let keys = entry.value.entries else {
      if !entry.value.isNull { report("an interface is a map", at: entry.value) }
      return network
    }
    for key in keys {
      switch key.key {
      case "match":
        if let place = key.value["macaddress"] {
          guard let mac = mac(place) else { return nil }
          network.mac = mac
        } else if entry.value["set-name"] == nil, let name = key.value["name"]?.text {
          network.name = name
        }
      case "set-name", "nameservers": break
      case "dhcp4": network.usesDHCP = boolean(key.value)
      case "addresses": network.addresses += (key.value.items ?? []).compactMap { address($0) }
      case "gateway4": network.gateway = gateway(key.value)
      case "routes": for route in key.value.items ?? [] { if let via = defaultRoute(route) { network.gateway = via } }
      default: leaveOut(key, "a simulated guest takes match, dhcp4, addresses, gateway4 and routes")
      }
    }
    return network
  }

  private func defaultRoute(_ route: Written) -> IPv4Address? {
    guard let to = route["to"]?.text, to == "default" || to == "0.0.0.0/0", let via = route["via"] else {
      warn("this route is left out: a simulated guest has a default route", at: route["to"] ?? route)
      return nil
    }
    return gateway(via)
  }

  /// An entry of version 1.
  private func physical(_ item: Written) -> CloudConfig.Network? {
    let type = item["type"]?.text ?? ""
    guard type == "physical" else {
      if type != "nameserver" {
        warn("\"\(type)\" is left out: a simulated guest has physical interfaces", at: item["type"] ?? item)
      }
      return nil
    }
    guard let name = item["name"]?.text else {
      report("an interface needs a name", at: item)
      return nil
    }
    var network = CloudConfig.Network(name: name)
    if let place = item["mac_address"] {
      guard let mac = mac(place) else { return nil }
      network.mac = mac
    }
    for subnet in item["subnets"]?.items ?? [] {
      let place = subnet["type"] ?? subnet
      switch subnet["type"]?.text ?? "" {
      case "dhcp", "dhcp4": network.usesDHCP = true
      case "static", "static4":
        guard let value = subnet["address"] else {
          report("a static subnet needs its address", at: subnet)
          continue
        }
        if let address = address(value, mask: subnet["netmask"]) { network.addresses.append(address) }
        if let via = subnet["gateway"] { network.gateway = gateway(via) }
      case "manual": break
      case let type: warn("\"\(type)\" is left out: a simulated guest has dhcp4 and static", at: place)
      }
    }
    return network
  }

  // MARK: Values

  private func boolean(_ value: Written) -> Bool {
    switch value.text?.lowercased() ?? "" {
    case "true", "yes", "on": return true
    case "false", "no", "off": return false
    default:
      report("expected true or false, found \(value.what)", at: value)
      return false
    }
  }

  private func mac(_ value: Written) -> MACAddress? {
    let found = value.text.flatMap { MACAddress($0) }
    if found == nil { report("expected a MAC address, found \(value.what)", at: value) }
    return found
  }

  private func gateway(_ value: Written) -> IPv4Address? {
    let found = value.text.flatMap { IPv4Address($0) }
    if found == nil { report("expected an IPv4 address, found \(value.what)", at: value) }
    return found
  }

  /// `192.168.122.50/24`, or with the mask beside it.
  private func address(_ value: Written, mask: Written? = nil) -> CloudConfig.Address? {
    let text = value.text ?? value.entries?.first?.key ?? ""
    if text.contains(":") {
      warn("\(text.prefix(60)) is left out: there is no IPv6 here", at: value)
      return nil
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    var length = parts.count == 2 ? UInt8(parts[1]) : nil
    if parts.count == 1, let mask = mask?.text.flatMap({ IPv4Address($0) }) {
      length = UInt8((~mask.rawValue).leadingZeroBitCount)
    }
    guard let first = parts.first, let address = IPv4Address(first), let length, (1...32).contains(length) else {
      report(
        "expected an address with its prefix, found \(value.what)", at: value, hint: "for example 192.168.122.50/24")
      return nil
    }
    return .init(address: address, prefix: IPv4Prefix(address, length: length))
  }
}
