// Stands for a plugin that was built from another version of Mesoscope.
extern "C" [[gnu::visibility("default")]] const void* meso_plugin(const char*) { return nullptr; }
