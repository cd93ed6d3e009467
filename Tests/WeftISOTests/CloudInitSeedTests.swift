import Testing

@testable import WeftISO

@Suite struct CloudInitSeedTests {
  @Test func aSeedComesBackFromItsDisc() throws {
    let seed = CloudInitSeed(
      userData: "#cloud-config\nhostname: web\n", metaData: "instance-id: i-1\n", networkConfig: "version: 2\n", vendorData: "x")
    #expect(try CloudInitSeed(ISOVolume(iso: seed.iso)) == seed)
    let short = CloudInitSeed(instanceID: "i-7f3a", hostname: "web")
    #expect(try CloudInitSeed(ISOVolume(iso: short.iso)) == short)
    #expect(short.instanceID == "i-7f3a" && short.hostname == "web" && short.isCloudConfig)
  }

  @Test func whatIsMissingIsSaid() {
    func problem(_ label: String, _ files: [ISOEntry]) -> String {
      do throws(CloudInitSeed.Problem) {
        _ = try CloudInitSeed(ISOVolume(label: label, entries: files))
        return "read"
      } catch { return error.description }
    }
    let (user, meta) = (ISOEntry(file: "user-data", Array("x".utf8)), ISOEntry(file: "meta-data", Array("y".utf8)))
    #expect(problem("CIDATA", [user, meta]) == "read")
    #expect(problem("config-2", [user, meta]) == "the disc is called “config-2”, not cidata")
    #expect(problem("cidata", [meta]) == "the disc has no user-data")
    #expect(problem("cidata", [user]) == "the disc has no meta-data")
    #expect(problem("cidata", [user, meta, ISOEntry(file: "network-config", [0xff])]) == "network-config is no UTF-8")
  }

  @Test func keysAreFoundAsPeopleWriteThem() {
    func instance(_ metaData: String) -> String { CloudInitSeed(userData: "", metaData: metaData).instanceID }
    #expect(instance("") == "nocloud")
    #expect(instance("instance-id: i-1") == "i-1")
    #expect(instance("\u{feff}# mine\r\ninstance-id:  \"i 1\" # why\r\nother: x\r\n") == "i 1")
    #expect(instance("instance-id: 'i#1'\n") == "i#1")
    #expect(instance("instance-id: i#1 # one\n") == "i#1")
    #expect(instance("nested:\n  instance-id: no\ninstance-id: yes\n") == "yes")
    #expect(instance("instance-identity: no\n") == "nocloud")
    #expect(instance("{\"local-hostname\": \"a:b\", \"instance-id\" : \"i-2\"}") == "i-2")
    #expect(instance("{\n  \"instance-id\": \"i-3\"\n}\n") == "i-3")
  }

  @Test func theUsersNameGoesBeforeTheClouds() {
    func name(_ userData: String, _ metaData: String) -> String? {
      CloudInitSeed(userData: userData, metaData: metaData).hostname
    }
    #expect(name("#cloud-config\nhostname: mine\n", "local-hostname: theirs\n") == "mine")
    #expect(name("#cloud-config\r\n{}", "hostname: theirs\n") == "theirs")
    #expect(name("#!/bin/sh\nhostname: x\n", "") == nil)
  }
}
