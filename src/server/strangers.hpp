// Connections that have not asked for anything yet, or have been answered: nobody knows whose they
// are, and there may be any number of them.
#pragma once

#include <cstddef>
#include <list>
#include <string>
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
  };
  using place = std::list<entry>::iterator;

  place add(connection* who, const std::string& network) {
    ++counts_[network];
    return idle_.insert(idle_.end(), {who, network});
  }
  // Each add() once.
  void remove(place at) {
    const auto found = counts_.find(at->network);
    if (--found->second == 0) counts_.erase(found);
    idle_.erase(at);
  }

  std::size_t size() const { return idle_.size(); }
  std::size_t of(const std::string& network) const {
    const auto found = counts_.find(network);
    return found == counts_.end() ? 0 : found->second;
  }
  // Null: there is none.
  connection* longest_idle() const { return idle_.empty() ? nullptr : idle_.front().who; }

 private:
  std::unordered_map<std::string, std::size_t> counts_;
  std::list<entry> idle_;
};

}  // namespace pulse::server
