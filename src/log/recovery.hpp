// Recovers a log's files before the log is used again.
#pragma once

#include "base/error.hpp"
#include "log/segment_log.hpp"
#include "log/segment_store.hpp"
#include "log/segment_writer.hpp"

namespace pulse::log {

// Fills the store from the files and returns where writing continues. It cuts a torn tail off the
// newest segment and removes a segment that was never renamed into place. It writes the process's
// last write again, then syncs file and directory: a power cut could lose pages of the page cache,
// and would after a failed sync, whatever is synced later. errc::corrupt: history is damaged or a
// segment is missing.
result<segment_writer::position_in_file> recover(storage& files, segment_store& store,
                                                 const segment_log_options& options);

}  // namespace pulse::log
