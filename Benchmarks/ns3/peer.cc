// The work of weft-bench's worlds, done by ns-3: full stacks with checksums (off in ns-3 unless asked for; weft's frames always
// have theirs), each host on a full-duplex cable of its own to one learning switch.
//   peer udp HOSTS PACKETS    half the hosts send the other half a datagram of 22 octets every 10 us
//   peer tcp BYTES            one transfer over 1 Gbit/s with a round trip of 1 ms
// Prints what was delivered and the wall seconds of the run after its first 20 ms of virtual time, in which ARP is done.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "ns3/applications-module.h"
#include "ns3/bridge-module.h"
#include "ns3/core-module.h"
#include "ns3/internet-module.h"
#include "ns3/network-module.h"

using namespace ns3;

namespace {

uint64_t delivered = 0;
void CountPacket(Ptr<const Packet>, const Address&) { delivered++; }
void CountBytes(Ptr<const Packet> packet, const Address&) { delivered += packet->GetSize(); }

// Each node's one NIC, cabled to a port of a switch that learns. Not CSMA: its cables are half-duplex, and busy until the
// far end has the frame.
NetDeviceContainer ConnectToSwitch(const NodeContainer& nodes, const char* rate, Time delay) {
  Ptr<Node> ethernetSwitch = CreateObject<Node>();
  SimpleNetDeviceHelper cable;
  cable.SetDeviceAttribute("DataRate", StringValue(rate));
  cable.SetChannelAttribute("Delay", TimeValue(delay));
  NetDeviceContainer interfaces, ports;
  for (uint32_t i = 0; i < nodes.GetN(); ++i) {
    NetDeviceContainer ends = cable.Install(NodeContainer(nodes.Get(i), ethernetSwitch));
    interfaces.Add(ends.Get(0));
    ports.Add(ends.Get(1));
  }
  BridgeHelper().Install(ethernetSwitch, ports);
  InternetStackHelper().Install(nodes);
  return interfaces;
}

double Run(Time until) {
  Simulator::Stop(MilliSeconds(20));
  Simulator::Run();
  delivered = 0;
  Simulator::Stop(until);
  auto start = std::chrono::steady_clock::now();
  Simulator::Run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Udp(uint32_t hosts, uint64_t packets) {
  NodeContainer nodes(hosts);
  NetDeviceContainer interfaces = ConnectToSwitch(nodes, "10Gbps", MicroSeconds(1));
  Ipv4AddressHelper addresses("10.0.0.0", "255.0.0.0");
  Ipv4InterfaceContainer given = addresses.Assign(interfaces);
  uint32_t pairs = hosts / 2;
  for (uint32_t i = 0; i < pairs; ++i) {
    Ptr<Node> receiver = nodes.Get(pairs + i);
    PacketSinkHelper sink("ns3::UdpSocketFactory", InetSocketAddress(Ipv4Address::GetAny(), 5001));
    ApplicationContainer sinks = sink.Install(receiver);
    sinks.Get(0)->TraceConnectWithoutContext("Rx", MakeCallback(&CountPacket));
    UdpClientHelper client(given.GetAddress(pairs + i), 5001);
    client.SetAttribute("Interval", TimeValue(MicroSeconds(10)));
    client.SetAttribute("PacketSize", UintegerValue(22));
    client.SetAttribute("MaxPackets", UintegerValue(0xffffffff));
    // One after the other: the switch's queues hold a hundred of the broadcasts that they begin with.
    client.Install(nodes.Get(i)).Start(MilliSeconds(10) + MicroSeconds(15 * i));
  }
  double seconds = Run(MicroSeconds(10 * (packets / pairs)));
  std::printf("%llu %.6f\n", static_cast<unsigned long long>(delivered), seconds);
}

void Tcp(uint64_t bytes) {
  // As Linux and weft have it: full segments, windows that fill the pipe, an answer to every second segment.
  Config::SetDefault("ns3::TcpSocket::SegmentSize", UintegerValue(1448));
  Config::SetDefault("ns3::TcpSocket::SndBufSize", UintegerValue(4 << 20));
  Config::SetDefault("ns3::TcpSocket::RcvBufSize", UintegerValue(4 << 20));
  NodeContainer nodes(2);
  NetDeviceContainer interfaces = ConnectToSwitch(nodes, "1Gbps", MicroSeconds(250));
  Ipv4AddressHelper addresses("10.0.0.0", "255.255.255.0");
  Ipv4InterfaceContainer given = addresses.Assign(interfaces);
  PacketSinkHelper sink("ns3::TcpSocketFactory", InetSocketAddress(Ipv4Address::GetAny(), 5001));
  sink.Install(nodes.Get(1)).Get(0)->TraceConnectWithoutContext("Rx", MakeCallback(&CountBytes));
  BulkSendHelper source("ns3::TcpSocketFactory", InetSocketAddress(given.GetAddress(1), 5001));
  source.SetAttribute("MaxBytes", UintegerValue(0));
  source.SetAttribute("SendSize", UintegerValue(1448));
  source.Install(nodes.Get(0));
  // 1,518 octets and 20 of preamble and gap for 1,448 of data, so that the bytes asked for have come.
  double seconds = Run(Seconds(bytes * 8.0 / 1e9 * 1538 / 1448 * 1.02));
  std::printf("%llu %.6f\n", static_cast<unsigned long long>(delivered), seconds);
}

}  // namespace

int main(int argc, char** argv) {
  GlobalValue::Bind("ChecksumEnabled", BooleanValue(true));
  // Of up to 10 ms, or the first thousand datagrams of each sender would wait for it.
  Config::SetDefault("ns3::ArpL3Protocol::RequestJitter", StringValue("ns3::ConstantRandomVariable[Constant=0]"));
  if (argc == 4 && !std::strcmp(argv[1], "udp")) {
    Udp(std::atoi(argv[2]), std::strtoull(argv[3], nullptr, 10));
  } else if (argc == 3 && !std::strcmp(argv[1], "tcp")) {
    Tcp(std::strtoull(argv[2], nullptr, 10));
  } else {
    std::fprintf(stderr, "peer udp HOSTS PACKETS | peer tcp BYTES\n");
    return 64;
  }
  Simulator::Destroy();
  return 0;
}
