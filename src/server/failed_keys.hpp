// Limits how often an address may present a wrong key.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>

#include <boost/asio/ip/address.hpp>

namespace pulse::server {

// Whose failures are counted together: an IPv4 address, or the first half of an IPv6 one, of which
// everybody has as many as they like.
std::string network_of(const boost::asio::ip::address& address);

// An address that was wrong as often as it may be in a minute must wait before a wrong key is
// answered as one again. Nobody else is affected. Memory is bounded; when it is full, whoever would
// be forgotten first is. One owner; not thread-safe.
class failed_keys {
 public:
  using time = std::chrono::steady_clock::time_point;

  static constexpr std::size_t networks_max = 4096;

  // How long to wait; nothing: not at all. `per_minute_max` 0: never.
  std::optional<std::chrono::seconds> wait_for(const std::string& network,
                                               std::size_t per_minute_max, time now) const;
  void refused(const std::string& network, std::size_t per_minute_max, time now);

  std::size_t networks() const { return settled_at_.size(); }

 private:
  void make_room(time now);

  // When each would have no failure to its name any more.
  std::unordered_map<std::string, time> settled_at_;
};

}  // namespace pulse::server
