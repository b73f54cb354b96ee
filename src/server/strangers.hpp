// Idle connections without a stream, before their first request or between two. They are
// unauthenticated, and there may be any number of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>

namespace pulse::server {

class connection;

// Those of one surface, by network_of() their address, and in the order in which they became idle.
// As large as there are connections. One owner; not thread-safe.
class strangers {
 public:
  struct entry {
    connection* who;
    std::string network;
    std::uint64_t number;  // rises
  };
  using place = std::list<entry>::iterator;

  place add(connection* who, const std::string& network) {
    auto& crowd = crowds_[network];
    by_size_.erase(size_of(crowd));
    crowd.push_back({who, network, ++added_});
    by_size_.insert(size_of(crowd));
    ++size_;
    return std::prev(crowd.end());
  }
  // Each add() once.
  void remove(place at) {
    const auto found = crowds_.find(at->network);
    auto& crowd = found->second;
    by_size_.erase(size_of(crowd));
    crowd.erase(at);
    --size_;
    if (crowd.empty()) {
      crowds_.erase(found);
    } else {
      by_size_.insert(size_of(crowd));
    }
  }

  std::size_t size() const { return size_; }
  std::size_t of(const std::string& network) const {
    const auto found = crowds_.find(network);
    return found == crowds_.end() ? 0 : found->second.size();
  }
  // Returns the longest idle connection of the address that has most, so that a flood closes its
  // own connections first. Of addresses with equally many, the one that has waited longest. Null:
  // there is none.
  connection* first_to_go() const {
    return by_size_.empty() ? nullptr : std::get<connection*>(*by_size_.rbegin());
  }

 private:
  using crowd_size = std::tuple<std::size_t, std::uint64_t, connection*>;
  // Older is greater.
  static crowd_size size_of(const std::list<entry>& crowd) {
    if (crowd.empty()) return {};
    return {crowd.size(), ~crowd.front().number, crowd.front().who};
  }

  std::unordered_map<std::string, std::list<entry>> crowds_;  // none is empty
  std::set<crowd_size> by_size_;
  std::size_t size_ = 0;
  std::uint64_t added_ = 0;
};

}  // namespace pulse::server
