/// Small labs for tests, each with something going on.
public enum Labs {
  /// A VM behind NAT, another on the LAN, a machine outside.
  public static let small = """
    name: small
    segments:
      campus: {subnet: 134.115.153.0/24, delay: 1 ms, rate: 1 Gbit/s}
    hosts:
      laptop:
        uplink: campus 134.115.153.223
        networks: {home: {mode: nat, forwards: ["8080:web:80/tcp"]}, lan: bridge}
      visitor: {uplink: campus 134.115.153.10, programs: [http-server, udp-echo, {tcp-echo: 22}]}
    vms:
      web: {network: home, programs: [{http-server: {body: behind the NAT}}, udp-echo]}
      public: {network: lan, address: 134.115.153.73, programs: [http-server]}
    """

  public static func small(_ more: String) -> String { small + "\n" + more }

  /// TCP through a NAT over a cable that loses and reorders nothing but drops enough for retransmissions.
  public static let lossy = """
    name: lossy
    segments:
      internet: {subnet: 203.0.113.0/24, delay: 2 ms, rate: 20 Mbit/s}
    hosts:
      laptop:
        uplink: internet 203.0.113.2
        networks: {home: nat}
      server:
        uplink: {segment: internet, address: 203.0.113.10, loss: 4 %}
        programs: [sink]
    vms:
      client: {network: home, programs: [{bulk: {to: "server:5001", size: 60 kB}}]}
    expect:
      - name: it all arrives
        from: client
        throughput: {to: "server:5001", size: 30 kB}
        at: 200 ms
        timeout: 20 s
        within: 20 s
    """

  /// Everything that holds state at once: DHCP and ARP under way, paused and stopped machines, cables pulled, hairpins,
  /// a full transmit ring.
  public static let busy = """
    name: busy
    segments:
      campus: {subnet: 134.115.153.0/24, delay: 1 ms, rate: 10 Mbit/s, loss: 1 %}
    hosts:
      laptop:
        uplink: campus 134.115.153.223
        networks:
          home: {mode: nat, forwards: ["8080:web:80", "5353:web:7/udp"]}
          lan: bridge
          private: {mode: host-only, subnet: 192.168.56.0/24}
      visitor:
        uplink: campus 134.115.153.10
        programs: [http-server, sink, udp-echo]
    vms:
      web: {network: home, programs: [http-server, udp-echo]}
      client:
        network: home
        programs:
          - http-get: {to: "laptop:8080", count: 3, interval: 150 ms, start: 300 ms}
          - bulk: {to: "visitor:5001", size: 40 kB, start: 250 ms}
          - ping: {to: 134.115.153.99, count: 2, interval: 200 ms, start: 100 ms}
      sleeper: {network: home, delay: 2 ms, programs: [udp-echo, {ping: {to: visitor, interval: 100 ms, count: 8}}]}
      public: {network: lan, address: 134.115.153.73, programs: [http-server, {ping: {to: sleeper, count: 2}}]}
      flooder:
        network: private
        rate: 1 Mbit/s
        queue: 4
        rings: {tx: 8}
        programs: [{udp-rate: {to: "192.168.56.1:9", size: 1000 B, interval: 2 ms, count: 150, start: 300 ms}}]
      late: {network: home, autostart: false, programs: [{udp-rate: {to: "sleeper:7", interval: 5 ms, count: 40}}]}
    events:
      - {at: 150 ms, start: late}
      - {at: 300 ms, pause: sleeper}
      - {at: 420 ms, link-down: laptop.uplink}
      - {at: 520 ms, link-up: laptop.uplink}
      - {at: 600 ms, resume: sleeper}
      - {at: 650 ms, set-link: {link: client.eth0, delay: 3 ms, loss: 5 %, rate: 2 Mbit/s}}
      - {at: 700 ms, stop: late}
      - {at: 750 ms, link-down: web.eth0}
      - {at: 500 ms, add-forward: {network: home, forward: "9000-9010:web:80-90/both"}}
      - {at: 680 ms, remove-forward: {network: home, forward: "9000-9010:web:80-90/both"}}
      - {at: 690 ms, flush-conntrack: home}
      - {at: 800 ms, ip-forwarding: {host: laptop, enabled: false}}
      - {at: 900 ms, ip-forwarding: {host: laptop, enabled: true}}
      - {at: 950 ms, link-up: web}
      - {at: 980 ms, start: late}
    expect:
      - {name: forwarded, from: visitor, to: "laptop:8080", is: open, reaches: web, at: 350 ms, within: 2 s}
      - {name: closed, from: visitor, to: "laptop:81", is: dropped, by: home, at: 350 ms, timeout: 300 ms, within: 2 s}
      - {name: hairpin, from: client, to: "laptop:8080", is: open, at: 200 ms, timeout: 500 ms}
      - {name: nobody, from: public, ping: 134.115.153.98, is: unreachable, at: 100 ms, timeout: 4 s}
      - name: never
        from: visitor
        to: "laptop:22"
        never-during: {from: 100 ms, to: 1 s, every: 100 ms}
        timeout: 50 ms
    """
}
