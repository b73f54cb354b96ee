// Table definitions on disk, in the file `relations` beside the segments. docs/log_format.md,
// "Relations".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "log/memory_relations.hpp"
#include "log/storage.hpp"

namespace pulse::log {

// Everything is in memory, too; the file is read once and then only appended to. Each addition is
// durable before an event that needs it can be. See relation_store for the contract.
class relation_file final : public memory_relations {
 public:
  // Cuts a torn last record. errc::corrupt: a record before the last one is damaged. `files` is
  // used during the call only.
  static result<std::unique_ptr<relation_file>> open(storage& files);

 private:
  explicit relation_file(std::unique_ptr<storage_file> file) : file_(std::move(file)) {}

  result<void> keep(const table_numbers::entry& changed) override;
  result<void> keep(const std::string& database) override;
  result<void> keep(const relation& definition, relation_version version) override;
  result<void> add_record(const std::string& payload);
  result<void> load(const std::string& project);
  result<void> take_record(byte_view payload);

  std::unique_ptr<storage_file> file_;
  std::uint64_t last_record_ = 0;  // as it was found: where it begins
  std::uint64_t end_ = 0;
};

}  // namespace pulse::log
