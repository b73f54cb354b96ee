// Definitions in memory; see relation_store for the contract.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "log/event_log.hpp"
#include "log/table_numbers.hpp"

namespace pulse::log {

class memory_relations : public relation_store {
 public:
  result<described> describe(const relation& definition) override;
  std::shared_ptr<const relation> find(relation_version version) const override;
  result<table_id> table(std::uint32_t oid, const table_name& name) override;
  result<void> observe(const catalog& present) override;
  bool settled(std::uint32_t oid, const table_name& name) const override;

 protected:
  // Called under the lock before anybody sees the addition; an error undoes it.
  virtual result<void> keep(const table_numbers::entry& /*changed*/) { return {}; }
  virtual result<void> keep(const std::string& /*database*/) { return {}; }
  virtual result<void> keep(const relation& /*definition*/, relation_version /*version*/) {
    return {};
  }
  // Restores kept entries, in their order. False if this cannot come next: versions have no gaps,
  // and a table has its number before it has a definition.
  bool restore(const table_numbers::entry& known);
  bool restore(const relation& definition, relation_version version);
  void restore(const std::string& database);

 private:
  table_numbers::keep_entry keeper();

  mutable std::mutex mutex_;
  table_numbers numbers_;
  std::map<table_id, relation_version> newest_;
  std::vector<std::shared_ptr<const relation>> versions_;  // version n at index n - 1
};

}  // namespace pulse::log
