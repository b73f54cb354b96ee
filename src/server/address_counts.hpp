// Counts by address connections that have not asked for anything yet, or have been answered.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

namespace pulse::server {

// By network_of() an address. As large as there are connections. One owner; not thread-safe.
class address_counts {
 public:
  std::size_t of(const std::string& network) const {
    const auto found = counts_.find(network);
    return found == counts_.end() ? 0 : found->second;
  }
  void add(const std::string& network) { ++counts_[network]; }
  // Each add() once.
  void remove(const std::string& network) {
    const auto found = counts_.find(network);
    if (--found->second == 0) counts_.erase(found);
  }

 private:
  std::unordered_map<std::string, std::size_t> counts_;
};

}  // namespace pulse::server
