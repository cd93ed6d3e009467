// libpcap as one header; macros whose types Swift's importer would guess become typed constants.
#pragma once
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>

static const uint32_t weft_pcap_netmask_unknown = PCAP_NETMASK_UNKNOWN;
static const uint32_t weft_pcap_precision_nano = PCAP_TSTAMP_PRECISION_NANO;
static const int weft_pcap_errbuf_size = PCAP_ERRBUF_SIZE;
