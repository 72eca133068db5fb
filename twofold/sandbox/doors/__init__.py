"""Where the sandbox takes events and questions: Conversions API, pixel, app SDK, ads."""
