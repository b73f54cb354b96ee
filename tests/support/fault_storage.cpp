#include "tests/support/fault_storage.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace pulse::log::testing {

namespace {
constexpr std::size_t sector_bytes = 512;
const error full{errc::no_space, "the simulated disk is full", {}};
}  // namespace

class fault_file final : public storage_file {
 public:
  fault_file(std::shared_ptr<fault_disk> disk, std::shared_ptr<fault_disk::file_state> state)
      : disk_(std::move(disk)), state_(std::move(state)) {}

  result<void> write_at(std::uint64_t offset, byte_view bytes) override {
    return change({offset, std::string(as_text(bytes)), false}, offset + bytes.size());
  }

  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> to) const override {
    const std::scoped_lock lock(disk_->mutex_);
    if (disk_->reads_fail) {
      return error{errc::io, "the simulated disk fails to read byte " + std::to_string(offset), {}};
    }
    const auto& now = state_->now;
    if (offset >= now.size()) return std::size_t{0};
    const auto size = std::min<std::size_t>(to.size(), now.size() - offset);
    std::memcpy(to.data(), now.data() + offset, size);
    disk_->bytes_read_ += size;
    return size;
  }

  result<void> sync() override {
    const std::scoped_lock lock(disk_->mutex_);
    if (disk_->before_change) disk_->before_change();
    auto pending = std::exchange(state_->unsynced, {});
    if (disk_->syncs_fail) {
      // What was written is lost and still read back. Sizes are the file system's to remember.
      std::erase_if(pending, [](const auto& one) { return !one.resize; });
      state_->unsynced = std::move(pending);
      return error{errc::io, "the simulated sync fails", {}};
    }
    for (const auto& one : pending) fault_disk::apply(one, state_->durable);
    return {};
  }

  result<void> preallocate(std::uint64_t bytes) override {
    {
      const std::scoped_lock lock(disk_->mutex_);
      if (bytes <= state_->now.size()) return {};
    }
    return change({bytes, {}, true}, bytes);
  }

  result<void> truncate(std::uint64_t bytes) override { return change({bytes, {}, true}, bytes); }

  result<std::uint64_t> size() const override {
    const std::scoped_lock lock(disk_->mutex_);
    return std::uint64_t{state_->now.size()};
  }

 private:
  result<void> change(fault_disk::change one, std::uint64_t end) {
    const std::scoped_lock lock(disk_->mutex_);
    if (disk_->before_change) disk_->before_change();
    const auto size = state_->now.size();
    if (end > size && disk_->used() + end - size > disk_->capacity) return full;
    fault_disk::apply(one, state_->now);
    state_->unsynced.push_back(std::move(one));
    return {};
  }

  std::shared_ptr<fault_disk> disk_;
  std::shared_ptr<fault_disk::file_state> state_;
};

class fault_storage final : public storage {
 public:
  explicit fault_storage(std::shared_ptr<fault_disk> disk) : disk_(std::move(disk)) {}

  result<std::vector<std::string>> list() const override { return disk_->names(); }

  result<std::unique_ptr<storage_file>> create(const std::string& name) override {
    auto state = std::make_shared<fault_disk::file_state>();
    if (auto made = disk_->change_directory([=](auto& files) { files[name] = state; }); !made) {
      return made.error();
    }
    return std::make_unique<fault_file>(disk_, std::move(state));
  }

  result<std::unique_ptr<storage_file>> open(const std::string& name) override {
    const std::scoped_lock lock(disk_->mutex_);
    const auto found = disk_->files_.find(name);
    if (found == disk_->files_.end()) return error{errc::io, "no such file: " + name, {}};
    return std::make_unique<fault_file>(disk_, found->second);
  }

  result<void> rename(const std::string& from, const std::string& to) override {
    std::shared_ptr<fault_disk::file_state> moved;
    {
      const std::scoped_lock lock(disk_->mutex_);
      const auto found = disk_->files_.find(from);
      if (found == disk_->files_.end()) return error{errc::io, "no such file: " + from, {}};
      moved = found->second;
    }
    // It is this file that gets the name, also where another one is found under the old name after
    // a power cut.
    return disk_->change_directory([=](auto& files) {
      files[to] = moved;
      files.erase(from);
    });
  }

  result<void> remove(const std::string& name) override {
    if (disk_->removals_fail) return error{errc::io, "the simulated removal fails", {}};
    return disk_->change_directory([=](auto& files) { files.erase(name); });
  }

  result<void> sync_directory() override {
    const std::scoped_lock lock(disk_->mutex_);
    if (disk_->before_change) disk_->before_change();
    if (disk_->syncs_fail) return error{errc::io, "the simulated sync fails", {}};
    disk_->durable_files_ = disk_->files_;
    disk_->unsynced_edits_.clear();
    return {};
  }

 private:
  std::shared_ptr<fault_disk> disk_;
};

void fault_disk::apply(const change& one, std::string& to) {
  if (one.resize) {
    to.resize(one.offset);
    return;
  }
  to.resize(std::max<std::size_t>(to.size(), one.offset + one.bytes.size()));
  std::memcpy(to.data() + one.offset, one.bytes.data(), one.bytes.size());
}

std::uint64_t fault_disk::used() const {
  std::uint64_t bytes = 0;
  for (const auto& [name, state] : files_) bytes += state->now.size();
  return bytes;
}

result<void> fault_disk::change_directory(std::function<void(directory&)> edit) {
  const std::scoped_lock lock(mutex_);
  if (before_change) before_change();
  edit(files_);
  unsynced_edits_.push_back(std::move(edit));
  return {};
}

std::shared_ptr<fault_disk> fault_disk::after_power_cut(random& chance) const {
  // All of what was not synced, none of it, or a mixture.
  const auto luck = std::uniform_int_distribution<int>(0, 4)(chance) * 25;
  return found_later([&] { return std::uniform_int_distribution<int>(0, 99)(chance) < luck; });
}

std::shared_ptr<fault_disk> fault_disk::durable() const {
  return found_later([] { return false; });
}

std::shared_ptr<fault_disk> fault_disk::found_later(const std::function<bool()>& survives) const {
  auto after = std::make_shared<fault_disk>();
  auto names = durable_files_;
  for (const auto& edit : unsynced_edits_) {
    if (survives()) edit(names);
  }
  for (const auto& [name, state] : names) {
    auto found = std::make_shared<file_state>();
    found->now = state->durable;
    for (const auto& one : state->unsynced) {
      if (one.resize) {
        if (survives()) apply(one, found->now);
        continue;
      }
      for (std::size_t at = 0; at < one.bytes.size();) {
        const auto in_sector = sector_bytes - (one.offset + at) % sector_bytes;
        const auto part = one.bytes.substr(at, in_sector);
        if (survives()) apply({one.offset + at, part, false}, found->now);
        at += part.size();
      }
    }
    found->durable = found->now;
    after->files_[name] = found;
  }
  after->durable_files_ = after->files_;
  after->capacity = capacity;
  return after;
}

std::shared_ptr<fault_disk> fault_disk::after_kill() const {
  auto after = std::make_shared<fault_disk>();
  std::map<std::shared_ptr<file_state>, std::shared_ptr<file_state>> copies;
  const auto copy_all = [&](const directory& from, directory& to) {
    for (const auto& [name, state] : from) {
      auto& copy = copies[state];
      if (!copy) copy = std::make_shared<file_state>(*state);
      to[name] = copy;
    }
  };
  copy_all(files_, after->files_);
  copy_all(durable_files_, after->durable_files_);
  if (!unsynced_edits_.empty()) {
    // Which of the edits reach the disk is not modelled twice: all of them or none.
    after->unsynced_edits_.emplace_back(
        [whole = after->files_](directory& files) { files = whole; });
  }
  after->capacity = capacity;
  return after;
}

std::vector<std::string> fault_disk::names() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> found;
  for (const auto& [name, state] : files_) found.push_back(name);
  return found;
}

bool fault_disk::holds(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  return files_.contains(name);
}

std::uint64_t fault_disk::used_bytes() const {
  const std::scoped_lock lock(mutex_);
  return used();
}

void fault_disk::set_capacity(std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  capacity = bytes;
}

std::uint64_t fault_disk::bytes_read() const {
  const std::scoped_lock lock(mutex_);
  return bytes_read_;
}

std::unique_ptr<storage> open_disk(std::shared_ptr<fault_disk> disk) {
  return std::make_unique<fault_storage>(std::move(disk));
}

}  // namespace pulse::log::testing
