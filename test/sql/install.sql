-- The extension installs under its name, in the version that the control file promises.
SELECT extname, extversion = default_version AS is_default_version
  FROM pg_extension JOIN pg_available_extensions ON name = extname WHERE extname = 'appt';
